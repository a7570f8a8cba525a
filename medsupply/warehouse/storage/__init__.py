"""Files, in a folder or a bucket: archive, record and its compaction, and what is kept to save work."""
