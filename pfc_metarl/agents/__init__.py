"""Reference agents: they play a task's trials, and replay those that somebody else played."""
