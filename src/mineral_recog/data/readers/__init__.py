"""Readers of photos with classes from folders, lists, parquet files and tar files."""
