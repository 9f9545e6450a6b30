"""The version of this program, which builds read, and which works in a checkout as well."""

__version__ = "0.1.0"
