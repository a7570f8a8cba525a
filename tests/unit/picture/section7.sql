-- The figures of section 7 of the design, written from its text alone and computed by DuckDB.
-- Tables given: holders, stock, snapshots, gaps, dispensing, notices, permits, packages (vnr, medicine_id, per_pack,
-- original, marketed, parallel), params (d), closed (public holidays), counties (county, y).

-- "Heard of on D": the latest snapshot is at most 3 open days old (Monday to Saturday, no public holiday).
create or replace view calendar as
select unnest(generate_series((select d - interval 40 day from params), (select d from params), interval 1 day))::date as day;
create or replace view open_days as
select day from calendar where isodow(day) <> 7 and day not in (select day from closed);
create or replace view valid as
select h.* from holders h, params p
where h.holder_type <> 'state_reserve' and h.valid_from <= p.d and (h.valid_to is null or h.valid_to >= p.d);
create or replace view heard as
select s.holder_id, max(s.counted_on) as counted_on
from snapshots s join valid using (holder_id), params p
where s.counted_on <= p.d
group by s.holder_id, p.d
having (select count(*) from open_days o where o.day > max(s.counted_on) and o.day <= p.d) <= 3;

-- Areas: what a holder serves; wholesalers, mah and thl in 99 only.
create or replace view served as
with named as (
    select holder_id, holder_type, county_code as county from holders where county_code is not null
    union
    select holder_id, holder_type, trim(unnest(string_split(serves, ','))) from holders where serves is not null)
select distinct holder_id, county from named
where holder_type not in ('wholesaler', 'mah', 'thl', 'state_reserve');
create or replace view holder_area as
select holder_id, county as area from served
union select s.holder_id, c.y from served s join counties c on c.county = s.county
union select holder_id, '99' from holders where holder_type <> 'state_reserve';

-- A VNR with a quarantined row in a snapshot is missing there: the value before is carried.
create or replace view clean as
select s.* from stock s where not exists (
    select 1 from gaps g where g.holder_id = s.holder_id and g.counted_on = s.counted_on and g.vnr = s.vnr);
create or replace view carried as
select g.holder_id, g.counted_on, g.vnr, max(n.counted_on) as source_on
from gaps g join snapshots n on n.holder_id = g.holder_id and n.counted_on < g.counted_on
where not exists (
    select 1 from gaps x where x.holder_id = g.holder_id and x.vnr = g.vnr and x.counted_on = n.counted_on)
group by all;
create or replace view resolved as
select holder_id, counted_on, vnr, expires_on, packs, coalesce(reserve_packs, 0) as reserve_packs from clean
union all
select c.holder_id, c.counted_on, c.vnr, s.expires_on, s.packs, coalesce(s.reserve_packs, 0)
from carried c join stock s on s.holder_id = c.holder_id and s.vnr = c.vnr and s.counted_on = c.source_on;

-- Stock now: packs less reserve, expired lots out; own reserve of hospital pharmacies and medicine centres counts.
create or replace view now_packs as
select r.holder_id, r.vnr,
       sum(case when h.holder_type in ('hospital_pharmacy', 'medicine_centre') then r.packs else r.packs - r.reserve_packs end) as usable,
       sum(case when h.holder_type in ('hospital_pharmacy', 'medicine_centre') then 0 else r.reserve_packs end) as reserve,
       sum(r.packs) as packs
from resolved r join heard using (holder_id, counted_on) join holders h using (holder_id), params p
where r.expires_on is null or r.expires_on > p.d
group by all;
create or replace view allowed as
select vnr, sum(allowed_packs) as packs from permits, params p
where kind = 'alitus' and valid_from <= p.d and (valid_to is null or valid_to >= p.d) group by vnr;
create or replace view moved as
select vnr, least(sum(reserve), any_value(a.packs)) as packs from now_packs join allowed a using (vnr) group by vnr;
create or replace view state_held as
select r.vnr, sum(r.packs) as packs
from resolved r join holders h using (holder_id), params p
where h.holder_type = 'state_reserve' and (r.expires_on is null or r.expires_on > p.d)
  and r.counted_on = (select max(counted_on) from snapshots s where s.holder_id = r.holder_id and s.counted_on <= p.d)
  and (select count(*) from open_days o where o.day > r.counted_on and o.day <= p.d) <= 3
group by r.vnr;
create or replace view let_go as
select vnr, least(any_value(s.packs), sum(allowed_packs)) as packs from permits join state_held s using (vnr), params p
where kind = 'release' and valid_from <= p.d and (valid_to is null or valid_to >= p.d) group by vnr;
create or replace view area_packs as
select area, vnr, sum(usable) as usable, sum(reserve) as reserve from (
    select a.area, n.vnr, n.usable, n.reserve from now_packs n join holder_area a using (holder_id)
    union all select '99', vnr, packs, -packs from moved
    union all select '99', vnr, packs, 0 from let_go)
group by all;
create or replace view area_stock as
select area, medicine_id, sum(usable * per_pack) as stock_units, sum(reserve * per_pack) as reserve_units
from area_packs join packages using (vnr) where per_pack is not null group by all;

-- Trailing demand: 1/7 x the sum over weekdays of the mean on reported days of that weekday.
create or replace view reported as
select distinct reporter_id, day from dispensing, params p where day between p.d - 83 and p.d;
create or replace view day_count as
select reporter_id, count(*) as n, count(distinct isodow(day)) as weekdays from reported group by all;
create or replace view weekday_count as
select reporter_id, isodow(day) as wd, count(*) as n from reported group by all;
create or replace view sold as
select reporter_id, county_code, day, vnr, sum(packs - coalesce(returned_packs, 0)) as packs,
       sum(coalesce(dispensings, packs)) as dispensings
from dispensing, params p where day between p.d - 83 and p.d and vnr <> '' group by all;
create or replace view reporter_demand as
with weekday_mean as (
    select s.reporter_id, s.county_code, s.vnr, w.wd, sum(s.packs) / any_value(w.n) as mean
    from sold s join weekday_count w on w.reporter_id = s.reporter_id and w.wd = isodow(s.day) group by all),
by_weekday as (select reporter_id, county_code, vnr, sum(mean) / 7 as daily from weekday_mean group by all),
plain as (select s.reporter_id, s.county_code, s.vnr, sum(s.packs) / any_value(c.n) as daily
          from sold s join day_count c using (reporter_id) group by all)
select b.reporter_id, b.county_code, b.vnr,
       case when c.weekdays < 7 and c.n < 28 then p.daily else b.daily end as daily
from by_weekday b join plain p using (reporter_id, county_code, vnr) join day_count c using (reporter_id);
create or replace view reporter_area as
select reporter_id, county_code, holder_area.area
from (select distinct reporter_id, county_code from dispensing) r join holder_area on holder_area.holder_id = r.reporter_id
union select reporter_id, county_code, county_code from dispensing where reporter_id not in (select holder_id from holders)
union select reporter_id, county_code, y from dispensing join counties on county = county_code
      where reporter_id not in (select holder_id from holders)
union select reporter_id, county_code, '99' from dispensing where reporter_id not in (select holder_id from holders);
create or replace view area_demand as
select area, medicine_id, sum(daily * per_pack) as trailing_demand_units
from reporter_demand join reporter_area using (reporter_id, county_code) join packages using (vnr)
where per_pack is not null group by all;
create or replace view area_dispensings as
select area, medicine_id, sum(dispensings) as dispensings_84, sum(packs * per_pack) as units
from sold join reporter_area using (reporter_id, county_code) join packages using (vnr) group by all;
create or replace view demand_areas as
select distinct area from reported join reporter_area using (reporter_id);

-- Usual units: mean over the snapshots in [D-31, D-4] of the units usable on the snapshot's own day.
create or replace view own_day as
select r.holder_id, r.counted_on, k.medicine_id,
       sum(k.per_pack * case when h.holder_type in ('hospital_pharmacy', 'medicine_centre') then r.packs else r.packs - r.reserve_packs end) as units
from resolved r join holders h using (holder_id) join packages k using (vnr)
where k.per_pack is not null and (r.expires_on is null or r.expires_on > r.counted_on) group by all;
create or replace view usual as
select v.holder_id, m.medicine_id,
       coalesce((select sum(units) from own_day o, params p where o.holder_id = v.holder_id and o.medicine_id = m.medicine_id
                 and o.counted_on between p.d - 31 and p.d - 4), 0)
       / (select count(*) from snapshots s, params p where s.holder_id = v.holder_id and s.counted_on between p.d - 31 and p.d - 4) as units
from valid v, (select distinct medicine_id from packages) m
where exists (select 1 from snapshots s, params p where s.holder_id = v.holder_id and s.counted_on between p.d - 31 and p.d - 4);
create or replace view area_usual as
select area, medicine_id, sum(units) as usual, sum(units) filter (holder_id in (select holder_id from heard)) as usual_heard,
       sum(units) filter (holder_id not in (select holder_id from heard)) as usual_silent
from usual join holder_area using (holder_id) group by all;
create or replace view area_holders as
select area, count(*) as valid, count(*) filter (holder_id in (select holder_id from heard)) as heard
from valid join holder_area using (holder_id) group by area;

-- out_share: dispensing holders heard of that had usable units in at least half of their snapshots in [D-83, D-28].
create or replace view had as
select o.holder_id, o.medicine_id
from own_day o join heard h using (holder_id), params p
where o.units > 0 and o.counted_on between p.d - 83 and p.d - 28
group by o.holder_id, o.medicine_id, p.d
having 2 * count(*) >= (select count(*) from snapshots s where s.holder_id = o.holder_id and s.counted_on between p.d - 83 and p.d - 28);
create or replace view now_units as
select holder_id, medicine_id, sum(usable * per_pack) as units from now_packs join packages using (vnr)
where per_pack is not null group by all;
create or replace view holder_demand as
select reporter_id as holder_id, medicine_id, sum(daily * per_pack) as daily
from reporter_demand join packages using (vnr) where per_pack is not null group by all;
create or replace view area_out as
select area, medicine_id, coalesce(sum(daily) filter (coalesce(units, 0) <= 0), 0) / sum(daily) as out_share
from had join holder_demand using (holder_id, medicine_id) left join now_units using (holder_id, medicine_id)
join holder_area using (holder_id) group by all having sum(daily) > 0;

-- Notices: the newest revision known; in force start <= D <= end and K, or E and D before the first list that showed E.
create or replace view newest as
select n.*, (select min(x.known_from) from notices x where x.vnr = n.vnr and x.start_on = n.start_on and x.state = 'E') as ended_at
from notices n
where case when exists (select 1 from notices c where c.vnr = n.vnr and c.known_to is null) then n.known_to is null
           else n.known_to = (select max(known_to) from notices c where c.vnr = n.vnr) end;
create or replace view under as
select vnr, count(*) as n from newest, params p
where start_on <= p.d and p.d <= end_on and (state = 'K' or p.d < ended_at::date) group by vnr;
create or replace view under_84 as
select vnr from under union
select vnr from newest, params p where state = 'K' and start_on > p.d and start_on <= p.d + 84 and end_on >= start_on;
create or replace view sold_share as
select area, medicine_id, sum(packs * per_pack) filter (vnr in (select vnr from under)) as under_units,
       sum(packs * per_pack) filter (vnr in (select vnr from under_84)) as under_84_units, sum(packs * per_pack) as units
from sold join reporter_area using (reporter_id, county_code) join packages using (vnr)
where per_pack is not null group by all having sum(packs * per_pack) > 0;
create or replace view counted as
select k.*, k.marketed and not (k.parallel and exists (
    select 1 from packages o where o.medicine_id = k.medicine_id and o.marketed and not o.parallel)) as counts
from packages k;
create or replace view package_share as
select medicine_id, avg((vnr in (select vnr from under))::int) as share, avg((vnr in (select vnr from under_84))::int) as share_84
from counted where counts group by medicine_id;
create or replace view open_notices as
select medicine_id, sum(coalesce(n, 0)) as n from packages left join under using (vnr) group by medicine_id;

-- Everything side by side.
create or replace view figures as
select g.area, g.medicine_id,
       case when u.counts and coalesce(ah.heard, 0) > 0 then coalesce(s.stock_units, 0)
            when u.counts then s.stock_units end as stock_units,
       case when u.counts and coalesce(ah.heard, 0) > 0 then coalesce(s.reserve_units, 0) end as reserve_units,
       case when u.counts and g.area in (select area from demand_areas) then coalesce(d.trailing_demand_units, 0) end as trailing,
       case when coalesce(au.usual, 0) > 0 then coalesce(au.usual_heard, 0) / au.usual else ah.heard / ah.valid end as reporting_share,
       o.out_share,
       case when u.counts and ah.valid > 0 then coalesce(au.usual_silent, 0) end as usual_silent,
       case when ss.units > 0 then coalesce(ss.under_units, 0) / ss.units else ps.share end as notice_share,
       case when ss.units > 0 then coalesce(ss.under_84_units, 0) / ss.units else ps.share_84 end as notice_share_84,
       coalesce(n.n, 0) as notices_open,
       case when g.area in (select area from demand_areas) then coalesce(ad.dispensings_84, 0) end as dispensings_84
from grid g
left join (select medicine_id, bool_or(per_pack is not null) as counts from packages group by all) u using (medicine_id)
left join area_stock s using (area, medicine_id)
left join area_demand d using (area, medicine_id)
left join area_usual au using (area, medicine_id)
left join area_holders ah using (area)
left join area_out o using (area, medicine_id)
left join sold_share ss using (area, medicine_id)
left join package_share ps using (medicine_id)
left join open_notices n using (medicine_id)
left join area_dispensings ad using (area, medicine_id);
