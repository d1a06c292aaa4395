"""Wallbite: does a privilege-separated gateway's wall bite?"""

__version__ = "0.1.0"
