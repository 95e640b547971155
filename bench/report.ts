import { formatTable, type Column, type Row } from './table.ts';

/** A table about to be measured. */
export interface Section {
  /** Name of the table in JSON lines. */
  readonly table: string;
  readonly title: string;
  /** What has to be known to read the numbers. */
  readonly notes?: readonly string[];
}

/** Where results go: tables for people, or one JSON object a line for programs. */
export interface Report {
  /** Says what is measured now, since it may take a while. */
  begin(section: Section): void;
  rows(section: Section, columns: readonly Column[], rows: readonly Row[]): void;
  /** A finding in words, with its numbers. */
  conclude(section: Section, text: string, facts: Row): void;
}

export function textReport(write: (text: string) => void): Report {
  return {
    begin: ({ title, notes = [] }) => {
      write(`\n${title}\n${notes.map((note) => `  ${note}\n`).join('')}`);
    },
    rows: (_section, columns, rows) => {
      write(`\n${formatTable(columns, rows)}\n`);
    },
    conclude: (_section, text) => {
      write(`${text}\n`);
    },
  };
}

export function jsonReport(write: (text: string) => void): Report {
  const line = (value: object) => {
    write(`${JSON.stringify(value)}\n`);
  };
  return {
    begin: () => undefined,
    rows: ({ table }, _columns, rows) => {
      for (const row of rows) line({ table, ...row });
    },
    conclude: ({ table }, conclusion, facts) => {
      line({ table, conclusion, ...facts });
    },
  };
}
