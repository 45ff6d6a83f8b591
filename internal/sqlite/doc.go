// Package sqlite keeps what a server must remember beside the lake, in one local file: runs, what they were wanted for,
// their attempts and logs, who works on them, and up to where triggers have looked; who may ask the server, and who did.
//
// What was loaded is not in here: that is the watermark, and it lies in the lake with the rows. So a lost or restored
// store loses history and may fire a trigger once more, and never doubles or loses a row.
package sqlite
