"""The engine in a terminal: windows over `oneclick.report`, and the commands one key away."""
