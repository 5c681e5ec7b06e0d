"""One self-contained page of finished results: it asks the network for nothing."""
