"""What reaches a plugin: its environment, its secrets; and where else they could be found."""
