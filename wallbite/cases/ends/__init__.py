"""How plugins and gateways end, and a second gateway beside the first."""
