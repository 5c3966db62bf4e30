"""Faust as the processors need it: one configuration, topics as bytes, tables that follow a topic, nothing skipped."""
