"""Say what a study is: its checked configuration, its files, and what is checked before any job; compute nothing."""
