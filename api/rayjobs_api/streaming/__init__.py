"""Server-sent events.

events    the events of a batch; `Last-Event-ID` resumes
notifier  wakes the streams whose batch has changed

In: the registry's events. Out: lines of text/event-stream. The routes import it.
"""
