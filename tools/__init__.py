"""Tools of the house that are run by hand, and by its tests."""
