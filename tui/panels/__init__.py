"""What the panels show: pure functions from values to rows, and the widget that paints them."""
