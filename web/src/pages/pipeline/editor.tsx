// The pipeline as YAML, with what the server has against it at its lines.
import { yaml } from "@codemirror/lang-yaml";
import { useMemo } from "react";

import { Editor } from "../../ui/lazy";
import { Failure, Loading } from "../../ui/parts";
import { useDraft, useLook } from "./draft";
import { failedMark, markOf } from "./problems";

export default function SpecEditor() {
  const draft = useDraft();
  const look = useLook();
  const language = useMemo(() => yaml(), []);
  const { text, read, mayChange } = draft;
  const marks = useMemo(() => {
    if (read.marks.length > 0) return read.marks;
    const wrong = look.mistakes.map((m) => markOf(text, m));
    return look.failed && mayChange ? [...wrong, failedMark(text, look.failedStep, look.failed)] : wrong;
  }, [text, read.marks, look.mistakes, look.failed, look.failedStep, mayChange]);
  if (draft.pending) return <Loading />;
  if (draft.error) return <Failure error={draft.error} />;
  return (
    <>
      <Editor label="YAML of the pipeline" value={text} language={language} marks={marks} onChange={mayChange ? draft.set : undefined} />
      {marks.length > 0 && (
        <div role="alert" aria-label="Problems">
          {marks.map((m) => (
            <p key={`${m.line} ${m.message}`} className="problem">
              Line {m.line}: {m.message}
            </p>
          ))}
        </div>
      )}
      {look.error && mayChange ? <Failure error={look.error} /> : null}
    </>
  );
}
