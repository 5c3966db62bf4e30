"""What every stage of the pipeline shares: settings, clock, errors, metrics, logs, probes."""
