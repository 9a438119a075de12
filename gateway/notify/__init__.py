"""Case → message: whom, what words, when (pure), and the sending (I/O)."""
