export const lakePath = (lake: string) => `/catalog/${encodeURIComponent(lake)}`;
export const tablePath = (lake: string, table: string, tab?: string) => `${lakePath(lake)}/${encodeURIComponent(table)}${tab ? `/${tab}` : ""}`;

// queryPath opens the query editor with a statement.
export const queryPath = (lake: string, sql: string) => `/query?${new URLSearchParams({ lake, sql })}`;
