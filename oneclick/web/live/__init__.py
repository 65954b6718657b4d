"""What live cameras and their models see, for browsers: pages, pictures and a stream."""
