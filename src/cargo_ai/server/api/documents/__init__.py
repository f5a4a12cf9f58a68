"""What the API says about itself: OpenAPI, the page of all operations, and the command behind each."""
