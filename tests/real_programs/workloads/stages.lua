-- The lua case. Lua takes all its memory from one realloc, so that every table and string comes
-- here. Each stage prints its name and a checksum; both collectors run, and the state is closed at
-- the end, which frees every block one by one.

local state = 12345
local function number(limit)
  state = (state * 1103515245 + 12345) & 0x7fffffff
  return (state >> 8) % limit
end

local function checksum(text)
  local sum = 0xcbf29ce484222325
  for at = 1, #text, 7 do
    for _, byte in ipairs({ string.byte(text, at, at + 6) }) do sum = (sum ~ byte) * 1099511628211 end
  end
  return string.format("%016x", sum)
end

local function report(name, text) print(name, #text, checksum(text)) end

local function tables()
  local seen, names = {}, {}
  for i = 1, 300000 do
    local key = "key" .. number(30000)
    if number(4) == 0 then seen[key] = nil else seen[key] = (seen[key] or "") .. i % 10 end
  end
  for key, value in pairs(seen) do names[#names + 1] = key .. "=" .. value end
  table.sort(names)
  return table.concat(names, ",")
end

local function texts()
  local parts = {}
  for i = 1, 40000 do
    parts[#parts + 1] = string.rep(string.format("%x", number(1 << 20)), number(12))
    if #parts > 2000 then parts = { table.concat(parts):gsub("(%x)(%x)", "%2%1"):sub(1, 20000) } end
  end
  return table.concat(parts)
end

local function trees()
  local function tree(depth)
    if depth == 0 then return { number(10) } end
    return { tree(depth - 1), tree(depth - 1), name = "n" .. depth }
  end
  local function sum(node) return node[2] and sum(node[1]) + sum(node[2]) + #node.name or node[1] end
  local sums = {}
  for i = 1, 12 do sums[i] = sum(tree(13)) end
  return table.concat(sums, ",")
end

local function coroutines()
  local parts, running = {}, {}
  for i = 1, 3000 do
    running[i] = coroutine.wrap(function()
      local own = {}
      while true do
        own[#own + 1] = string.rep("c", i % 30)
        coroutine.yield(table.concat(own):len())
      end
    end)
  end
  for _ = 1, 20 do
    for i = 1, #running do parts[#parts + 1] = running[i]() end
  end
  return table.concat(parts, ",")
end

for _, collector in ipairs({ "incremental", "generational" }) do
  collectgarbage(collector)
  report("tables", tables())
  report("texts", texts())
  report("trees", trees())
  report("coroutines", coroutines())
  collectgarbage()
end
os.exit(true, true)
