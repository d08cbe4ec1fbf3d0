// Tables and a plot from rows { edit, plan, cases, match, review, false_matches }.
const percent = (part, whole) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);

export function csv(rows) {
  const lines = ['edit,plan,cases,match,possible_match,missed,false_matches'];
  for (const row of rows) {
    lines.push([`"${row.edit}"`, row.plan, row.cases, row.match, row.review, row.cases - row.match - row.review, row.false_matches].join(','));
  }
  return `${lines.join('\n')}\n`;
}

export function sums(rows, plans) {
  return plans.map((plan) => rows.filter((row) => row.plan === plan).reduce(
    (sum, row) => ({ plan, cases: sum.cases + row.cases, match: sum.match + row.match, review: sum.review + row.review,
      false_matches: sum.false_matches + row.false_matches }),
    { plan, cases: 0, match: 0, review: 0, false_matches: 0 }));
}

export function markdown(rows, plans) {
  const edits = [...new Set(rows.map((row) => row.edit))];
  const lines = [`| edit | cases | ${plans.map((plan) => `${plan}: match | or possible | false`).join(' | ')} |`,
    `|---|---|${plans.map(() => '---|---|---').join('|')}|`];
  const cells = (row) => [percent(row.match, row.cases), percent(row.match + row.review, row.cases), row.false_matches].join(' | ');
  for (const edit of edits) {
    const of = plans.map((plan) => rows.find((row) => row.edit === edit && row.plan === plan));
    lines.push(`| ${edit} | ${of[0].cases} | ${of.map(cells).join(' | ')} |`);
  }
  const all = sums(rows, plans);
  lines.push(`| **all** | ${all[0].cases} | ${all.map(cells).join(' | ')} |`);
  return `${lines.join('\n')}\n`;
}

// Bars per edit and plan: full for a match, pale for a possible match.
export function svg(rows, plans) {
  const edits = [...new Set(rows.map((row) => row.edit))].filter((edit) => rows.some((row) => row.edit === edit && row.cases > 0));
  const colours = ['#1b6ca8', '#2e9e6b', '#c97b12', '#8a4fa3'];
  const bar = 9;
  const group = plans.length * bar + 10;
  const left = 205;
  const width = 420;
  const top = 44;
  const height = top + edits.length * group + 20;
  const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 70} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="white"/>`];
  plans.forEach((plan, i) => out.push(`<rect x="${left + i * 110}" y="12" width="10" height="10" fill="${colours[i]}"/>`
    + `<text x="${left + i * 110 + 14}" y="21">${plan}</text>`));
  for (const tick of [0, 25, 50, 75, 100]) {
    const x = left + (width * tick) / 100;
    out.push(`<line x1="${x}" y1="${top - 6}" x2="${x}" y2="${height - 16}" stroke="#ddd"/><text x="${x}" y="${top - 9}" text-anchor="middle" fill="#666">${tick} %</text>`);
  }
  edits.forEach((edit, e) => {
    const y = top + e * group;
    out.push(`<text x="${left - 8}" y="${y + (plans.length * bar) / 2 + 4}" text-anchor="end">${edit}</text>`);
    plans.forEach((plan, i) => {
      const row = rows.find((r) => r.edit === edit && r.plan === plan);
      const match = (width * row.match) / row.cases;
      const either = (width * (row.match + row.review)) / row.cases;
      out.push(`<rect x="${left}" y="${y + i * bar}" width="${either.toFixed(1)}" height="${bar - 1}" fill="${colours[i]}" opacity="0.3"/>`
        + `<rect x="${left}" y="${y + i * bar}" width="${match.toFixed(1)}" height="${bar - 1}" fill="${colours[i]}"/>`);
    });
  });
  out.push('</svg>');
  return `${out.join('\n')}\n`;
}
