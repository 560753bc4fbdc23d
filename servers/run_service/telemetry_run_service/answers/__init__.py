"""What goes out: answers, what is wrong with a request, and how both are described."""
