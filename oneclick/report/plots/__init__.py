"""Pictures of the report, drawn as PNG."""
