// How other engines read the table.
import { useState } from "react";

import { useRecipes } from "../../api/lake";
import { Answer, Button, Empty } from "../../ui/parts";

const names: Record<string, string> = { athena: "Athena", duckdb: "DuckDB", spark: "Spark", trino: "Trino" };

export function Recipes({ lake, table }: { lake: string; table: string }) {
  const recipes = useRecipes(lake, table);
  return (
    <Answer of={recipes}>
      {(r) => {
        const all = r.recipes ?? [];
        if (all.length === 0) return <Empty>No other engine is known to read this table.</Empty>;
        return (
          <>
            {!all.some((x) => x.engine === "athena") && <p className="notice">Athena and Trino read tables in S3: this one lies in a folder, or its engine has it already.</p>}
            {all.map((x) => (
              <section key={x.engine + x.text} aria-label={names[x.engine] ?? x.engine} className="recipe">
                <header className="page">
                  <h2>{names[x.engine] ?? x.engine}</h2>
                  <Copy text={x.text} what={names[x.engine] ?? x.engine} />
                </header>
                {x.notes?.map((n) => (
                  <p key={n} className="soft">
                    {n}
                  </p>
                ))}
                <pre className="text" tabIndex={0} aria-label={`Statement for ${names[x.engine] ?? x.engine}`}>
                  {x.text}
                </pre>
              </section>
            ))}
          </>
        );
      }}
    </Answer>
  );
}

function Copy({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Select it by hand"); // the browser lets only pages of https copy
    }
  };
  return (
    <Button label={`${said} the statement for ${what}`} onClick={() => void copy()}>
      {said}
    </Button>
  );
}
