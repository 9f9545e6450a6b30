"""Where photos come from: folders, lists of files, tables and archives, all read in one way."""
