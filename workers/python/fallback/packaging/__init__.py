"""The part of this distribution that processors use: versions."""
