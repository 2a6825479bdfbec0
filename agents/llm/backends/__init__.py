"""What is asked: a server, a model in this process, a tape, and fakes, all behind one method."""
