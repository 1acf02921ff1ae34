-- $1 id or null, $2 call id or null (its open one), $3 queue or null, $4 status or null, $5 after id or null, $6 limit.
-- The wait is what is queued ahead times the mean handling time of the queue's last 20 (30 s where there is none).
select h.id, h.call_id, h.queue, h.reason, h.status, h.context, h.accepted_by, h.note, time_us(h.created_at),
       time_us(h.accepted_at), time_us(h.closed_at),
       case h.status when 'queued' then (select count(*) from handoffs a
                                         where a.queue = h.queue and a.status = 'queued' and a.id < h.id)
                     else 0 end as ahead,
       (select coalesce(avg(extract(epoch from l.closed_at - l.accepted_at)), 30)
        from (select d.closed_at, d.accepted_at from handoffs d
              where d.queue = h.queue and d.status = 'completed' and d.accepted_at is not null
              order by d.closed_at desc limit 20) l) as handling_s
from handoffs h
where ($1::uuid is null or h.id = $1::uuid)
      and ($2::uuid is null or (h.call_id = $2::uuid and h.status in ('queued', 'accepted')))
      and ($3::text is null or h.queue = $3) and ($4::text is null or h.status = $4)
      and ($5::uuid is null or h.id > $5::uuid)
order by h.id limit $6::int
