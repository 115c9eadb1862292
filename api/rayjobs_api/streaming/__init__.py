"""Answers that are sent while they are made: events and long bodies.

events    the events of a batch; `Last-Event-ID` resumes
notifier  wakes the streams of a batch that has changed
streamed  an answer in pieces that breaks if its source breaks

In: the registry's events, pieces of a body. Out: lines of text/event-stream, bodies. The routes import it.
"""
