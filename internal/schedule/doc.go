// Package schedule decides when runs start, and starts them: triggers note causes, causes make runs, and runs wait for
// their turn, are worked on under a lease, tried again where that may help, and end.
//
// All that must outlive the process is in the store, and each step is one transaction there. A trigger's mark, up to
// where it has looked, moves together with the runs that it wants, so that a cause is noted at least once; and it has
// the same id however often it is noted, so that the runs happen once. A process that dies in a run leaves one that is
// queued again when the next process begins: the run's next attempt finds in the lake what the last one has committed.
package schedule
