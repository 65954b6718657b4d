"""Export of our own models: one ONNX graph from the frame to the boxes, checked against torch."""
