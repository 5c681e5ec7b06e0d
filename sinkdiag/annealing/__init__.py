"""Controllers and schedules of the temperature, and runs of a layer under them."""
