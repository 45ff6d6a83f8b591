import { useState } from "react";

import { Answer, Button } from "../../ui/parts";
import { useConnections } from "../../api/queries";
import { ConnectionForm } from "../connections/form";

// Source chooses one of the connections to servers, or makes one.
export function Source({ onChoose }: { onChoose: (name: string) => void }) {
  const connections = useConnections();
  const [fresh, setFresh] = useState(false);
  return (
    <Answer of={connections}>
      {(data) => {
        const sources = (data.connections ?? []).filter((c) => !c.lake);
        if (fresh || sources.length === 0) {
          return (
            <>
              {sources.length === 0 && <p className="soft">Rows come from a MySQL or MariaDB server. Say how to reach it: nothing is written there.</p>}
              <ConnectionForm only={["mysql"]} onSaved={onChoose} extra={sources.length > 0 && <Button onClick={() => setFresh(false)}>Choose one that is there</Button>} />
            </>
          );
        }
        return (
          <>
            <ul className="choices">
              {sources.map((c) => (
                <li key={c.name}>
                  <button type="button" onClick={() => onChoose(c.name)}>
                    <b>{c.name}</b>
                    <span className="soft">
                      {c.location}
                      {c.user && ` as ${c.user}`}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
            <Button onClick={() => setFresh(true)}>New connection</Button>
          </>
        );
      }}
    </Answer>
  );
}
