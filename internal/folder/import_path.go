package folder

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
)

// folders returns what the folders key=value of a file say. NULL has no entry; see nullText.
func folders(inner string) map[string]string {
	values := map[string]string{}
	names := strings.Split(inner, "/")
	for _, name := range names[:len(names)-1] {
		k, v, ok := strings.Cut(name, "=")
		if !ok {
			continue
		}
		if key, err := url.PathUnescape(k); err == nil {
			if value, err := url.PathUnescape(v); err == nil {
				values[key] = value
			}
		}
	}
	return values
}

// pathColumns returns the columns that are in the names of folders and not in the files themselves. All files must lie in
// folders of the same kind.
func pathColumns(have []column, fixed bool, files []*found, own []column) ([]column, error) {
	isOwn := func(name string) bool {
		return slices.ContainsFunc(own, func(c column) bool { return strings.EqualFold(c.Name, name) })
	}
	texts := map[string][]string{}
	var names []string
	for at, f := range files {
		for name := range f.path {
			if isOwn(name) && !slices.ContainsFunc(f.columns, func(c column) bool { return strings.EqualFold(c.Name, name) }) {
				return nil, tidemark.WithHint(fmt.Errorf("file %s lacks column %q, which others have themselves and not by their folders: %w", f.Key, name, tidemark.ErrInvalid),
					"import files of one kind from a folder of their own")
			}
		}
		mine := slices.DeleteFunc(slices.Sorted(maps.Keys(f.path)), isOwn)
		if at == 0 && !fixed {
			names = mine
		}
		if fixed {
			names = sortedNames(have)
		}
		if !slices.Equal(mine, names) {
			return nil, tidemark.WithHint(fmt.Errorf("file %s lies in folders of %q, others in such of %q: %w", f.Key, mine, names, tidemark.ErrInvalid),
				"import files of one kind from a folder of their own")
		}
		for _, name := range mine {
			if f.path[name] != nullText {
				texts[name] = append(texts[name], f.path[name])
			}
		}
	}
	if !fixed {
		for _, name := range names {
			have = append(have, column{Name: name, Type: typeOfTexts(texts[name]), Path: true})
		}
		return have, nil
	}
	for _, c := range have {
		for _, text := range texts[c.Name] {
			if !fitsType(text, c.Type) {
				return nil, tidemark.WithHint(fmt.Errorf("folder %s=%s: the table has %q as %s: %w", c.Name, text, c.Name, c.Type, tidemark.ErrInvalid),
					"import the folder as another table")
			}
		}
	}
	return have, nil
}

func sortedNames(columns []column) []string {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// number is an integer as a value of a folder. One with a zero before it stays a text: "01" is not "1" to those who wrote it.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// typeOfTexts returns the narrowest type that holds all of some values of folders.
func typeOfTexts(texts []string) string {
	for _, typ := range []string{"int32", "int64", "date"} {
		if len(texts) > 0 && !slices.ContainsFunc(texts, func(text string) bool { return !fitsType(text, typ) }) {
			return typ
		}
	}
	return "string"
}

func fitsType(text, typ string) bool {
	var err error
	switch typ {
	case "int32":
		_, err = strconv.ParseInt(text, 10, 32)
	case "int64":
		_, err = strconv.ParseInt(text, 10, 64)
	case "date":
		_, err = time.Parse(time.DateOnly, text)
		return err == nil
	default:
		return true
	}
	return err == nil && number.MatchString(text)
}

// place tells of each file of a snapshot what its folders say.
func (t *table) place(s *tidemark.Snapshot) {
	var names []string
	for _, c := range t.Columns {
		if c.Path {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	for i := range s.Data {
		all := folders(strings.TrimPrefix(s.Data[i].Key, t.Prefix))
		s.Data[i].Path = map[string]*string{}
		for _, name := range names {
			if text, ok := all[name]; ok && text != nullText {
				s.Data[i].Path[name] = &text
			} else {
				s.Data[i].Path[name] = nil
			}
		}
	}
}

// placed returns the bounds of a column that is in the names of folders; false for another.
func placed(f tidemark.LakeFile, column string) (tidemark.Bounds, bool) {
	text, ok := f.Path[column]
	switch {
	case !ok:
		return tidemark.Bounds{Nulls: -1}, false
	case text == nil:
		return tidemark.Bounds{Nulls: f.Rows}, true
	default:
		return tidemark.Bounds{Lower: text, Upper: text}, true
	}
}
