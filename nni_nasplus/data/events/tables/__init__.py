"""This room reads tables of events and labels from files or frames, column by column, and puts their rows in order."""
