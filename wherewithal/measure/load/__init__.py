"""A load test of a running server, and what it says of the server and of the client itself."""
