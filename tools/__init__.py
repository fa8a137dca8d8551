"""Tools for the developers of the package."""
