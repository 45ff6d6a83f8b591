//go:build !race

package testenv

// Race says whether the race detector is on: it takes many times as long, and looks for something else than most long tests.
const Race = false
