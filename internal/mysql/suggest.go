package mysql

import (
	"fmt"
	"strings"
)

// didYouMean names the nearest of the names that are there, or else some of them.
func didYouMean(wanted string, there []string) string {
	best, distance := "", len(wanted)/2+1
	for _, name := range there {
		if d := editDistance(strings.ToLower(wanted), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	const most = 12
	if len(there) > most {
		return fmt.Sprintf("there are %s and %d more", strings.Join(there[:most], ", "), len(there)-most)
	}
	return "there are " + strings.Join(there, ", ")
}

// editDistance is the number of bytes to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
