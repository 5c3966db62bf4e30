"""What `platestream run` is made of: preparation, the roles as child processes, the demo fleet, the live counters."""
