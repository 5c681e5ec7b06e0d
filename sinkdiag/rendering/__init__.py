"""Tables, figures and manifests of finished results; nothing is computed here."""
