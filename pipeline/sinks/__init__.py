"""Floor 3: sinks write the columns of a shard as a file. They know no recipes, plans or sources."""
