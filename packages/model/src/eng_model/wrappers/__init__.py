"""Wrappers that train one model on several devices."""
