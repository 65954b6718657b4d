"""The timeline of triggers: its pages, its data, and what people do with a span of time."""
