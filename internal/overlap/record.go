package overlap

import (
	"encoding/binary"
	"os"

	"github.com/zeebo/xxh3"
)

// keyBytes is the size of a digest on disk: class (1), cursor (8), hash (16), all big-endian, so that the order of
// the bytes is the order of the digests. A record is a digest and, where the file has them, 8 bytes per column.
const keyBytes = 1 + 8 + 16

func stride(width int) int { return keyBytes + 8*width }

func appendRecord(dst []byte, d digest, columns []uint64) []byte {
	dst = append(dst, d.class)
	dst = binary.BigEndian.AppendUint64(dst, d.n)
	dst = binary.BigEndian.AppendUint64(dst, d.hash.Hi)
	dst = binary.BigEndian.AppendUint64(dst, d.hash.Lo)
	for _, h := range columns {
		dst = binary.BigEndian.AppendUint64(dst, h)
	}
	return dst
}

func digestOf(record []byte) digest {
	return digest{
		ordinal{record[0], binary.BigEndian.Uint64(record[1:])},
		xxh3.Uint128{Hi: binary.BigEndian.Uint64(record[9:]), Lo: binary.BigEndian.Uint64(record[17:])},
	}
}

// tempFile makes a file without a name: a killed process leaves nothing behind. Where an open file cannot be
// unlinked it stays until the folder is cleaned.
func tempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "overlap-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	return f, nil
}
