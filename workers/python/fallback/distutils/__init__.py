"""The part that processors use of what Python had until 3.11: versions."""
