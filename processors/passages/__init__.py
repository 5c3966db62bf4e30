"""Step 4, matched: several reads of one car are one alert. The state is the alerts log itself."""
