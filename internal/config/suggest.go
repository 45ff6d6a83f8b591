package config

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean returns a suggestion when one of the words is close enough to what was written, or "".
func didYouMean(written string, words []string) string {
	if best := nearest(written, words); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}

// nearest returns the word that is closest to what was written and close enough to be meant, or "".
func nearest(written string, words []string) string {
	best, least := "", 1+max(1, len(written)/3)
	for _, word := range words {
		if d := distance(strings.ToLower(written), word); d < least {
			best, least = word, d
		}
	}
	return best
}

// distance counts the letters that must be put in, left out, replaced or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// allowed returns the values of an enum as a sentence, and names the one that is close to what was written.
func allowed(written string, values []string) string {
	list := "allowed: " + strings.Join(values, ", ")
	if slices.Contains(values, strings.ToLower(written)) {
		return list
	}
	if near := didYouMean(written, values); near != "" {
		return list + "; " + near
	}
	return list
}
