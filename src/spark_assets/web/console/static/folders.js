// What was dropped on a page: files, and folders with what lies in them, however deep.

/** A whole folder is told in parts: it is asked until there is no more. */
async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return found.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
    found.push(...part);
  }
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const found = [];
  for (const one of await entriesOf(entry)) found.push(...(await filesOf(one)));
  return found;
}

/** The files of a drop, and whether some of it were folders. What it carries must be asked at once: it is empty after the event. */
export async function filesIn(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...dropped.files];
  if (!entries.some((entry) => entry.isDirectory)) return [plain, false];
  const found = [];
  for (const entry of entries) found.push(...(await filesOf(entry)));
  return [found, true];
}
