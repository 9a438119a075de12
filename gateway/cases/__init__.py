"""Alarm → case: what people do about it (pure)."""
