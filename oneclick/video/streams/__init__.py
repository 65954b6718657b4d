"""Live sources through PyAV: RTSP, HTTP, webcams, and files as if they were live.

One thread reads a source. Its packets go to a recorder, which copies them into segments without
encoding, and to a decoder, which offers the newest picture to whoever looks at it.
"""
